"""The pages of the site. Each is a module that yields its files, with a template of the same name."""
