"""What a run keeps: its plan and identity, its ledger, samples and verdicts, its result."""
