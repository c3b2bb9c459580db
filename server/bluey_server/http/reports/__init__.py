"""`/admin/reports`: what `bluey-admin compare` and `experiment` found, for browsers."""
