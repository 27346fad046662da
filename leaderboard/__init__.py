"""Published results and the site made from them. Imports only the published schema, the results and the statistics."""
