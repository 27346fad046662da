"""PersonalityBench: open questions, with judges that rate the trait and the fluency of every answer."""
