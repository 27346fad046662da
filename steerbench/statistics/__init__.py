"""Statistics: confidence intervals, paired tests, correlations over people, and power.

A unit (or cluster) is what was sampled independently: a respondent or a question. Items within a unit are not.
Functions take arrays, and draw every random number from the generator passed to them.

| estimate | interval |
|---|---|
| mean, sum of means, difference of means | Student's t (`means`) |
| proportion, change of a proportion | Wilson (`shares`) |
| correlation, ratio | expanded percentile bootstrap, from six units (`bootstrap`) |
| mean or correlation of a hundred people or more | over people and items (`crossed`) |
| statistic of few annotators | jackknife (`jackknife`) |
| standardised mean difference (d_z) | jackknife (`standardised`) |
| AUC of a judge's ratings | score interval (`auc`) |
| reliability of a questionnaire's answers | bootstrap (`reliability`) |
| variance | jackknife of its logarithm (`variances`) |
| root mean square of several means | bootstrap of the debiased square (`sizes`) |
"""

from steerbench.statistics.auc import auc_estimate
from steerbench.statistics.bootstrap import (
    FEWEST,
    cluster_bootstrap,
    percentile_level,
    resample_counts,
    weighted_means,
)
from steerbench.statistics.correlations import individual_r, trait_profile_r, two_way_residuals
from steerbench.statistics.crossed import CROSSED_FROM, crossed_sum
from steerbench.statistics.jackknife import jackknife_estimate
from steerbench.statistics.means import mean_estimate, means_where, sum_of_means
from steerbench.statistics.paired import holm, paired_comparisons, sign_flip_above, sign_flip_test
from steerbench.statistics.power import smallest_difference, units_needed
from steerbench.statistics.reliability import cronbach_alpha, split_half
from steerbench.statistics.shares import change_of_share, share_estimate
from steerbench.statistics.sizes import debiased_size
from steerbench.statistics.standardised import standardised_mean
from steerbench.statistics.variances import variance_estimate

__all__ = [
    "CROSSED_FROM",
    "FEWEST",
    "auc_estimate",
    "change_of_share",
    "cluster_bootstrap",
    "cronbach_alpha",
    "crossed_sum",
    "debiased_size",
    "holm",
    "individual_r",
    "jackknife_estimate",
    "mean_estimate",
    "means_where",
    "paired_comparisons",
    "percentile_level",
    "resample_counts",
    "share_estimate",
    "sign_flip_above",
    "sign_flip_test",
    "smallest_difference",
    "split_half",
    "standardised_mean",
    "sum_of_means",
    "trait_profile_r",
    "two_way_residuals",
    "units_needed",
    "variance_estimate",
    "weighted_means",
]
