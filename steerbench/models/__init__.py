"""Language models: registry and supported architectures, downloading and conversion, tokenizers and chat templates."""
