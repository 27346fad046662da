"""What a run stores: plan and identity, ledger, samples, verdicts and result."""
