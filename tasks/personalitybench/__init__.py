"""PersonalityBench: open questions, and judges that rate the trait and the fluency of every answer."""
