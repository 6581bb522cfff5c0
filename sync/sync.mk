# wire: the codec that the club links too. vafa-sync: the only user of the network towards the club.
WIRE_SRC := sync/wire.c sync/pack.c
WIRE_LIBS := -ljansson -lz
