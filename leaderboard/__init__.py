"""Published results and the site made from them. Imports only the result schema and the statistics."""
