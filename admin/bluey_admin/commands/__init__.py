"""The commands of `bluey-admin`: one file each, and in each a click command called `command`."""
