"""The pages of the site: each is a module here, which yields its files, and a template of the same name."""
