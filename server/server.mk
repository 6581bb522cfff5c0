# see docs/building.md
