# see docs/building.md

# The pure heart, shared by terminal and club.
ENGINE_SRC = firmware/engine/money.c firmware/engine/snapshot.c firmware/engine/entry.c
