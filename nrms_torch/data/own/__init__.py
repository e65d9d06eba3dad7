"""From a site's raw articles and click log, under its own column names, to a data folder."""
