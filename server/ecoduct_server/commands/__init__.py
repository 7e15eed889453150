"""The commands of `ecoduct`, one file each."""
