# hal/base: what every layer may use. hal: what a board must supply.
HAL_BASE_SRC = hal/base/status.c hal/base/bytes.c

# The key store in software; whoever links it needs KEYSTORE_LIBS.
KEYSTORE_SRC = hal/keystore.c hal/aes_mac.c
KEYSTORE_LIBS = -lmbedcrypto

PROGRAMS += vafa-keys
vafa-keys_SRC = hal/keys_main.c $(KEYSTORE_SRC) $(HAL_BASE_SRC)
vafa-keys_LIBS = $(KEYSTORE_LIBS)

# A POSIX system's clock; a board without one links its own.
CLOCK_SRC = hal/clock_posix.c
