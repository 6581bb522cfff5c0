# hal/base: what every layer may use. hal: what a board must supply.
HAL_BASE_SRC = hal/base/status.c hal/base/bytes.c hal/base/utf8.c

# A POSIX system's clock; a board without one links its own.
CLOCK_SRC = hal/clock_posix.c

# A POSIX system's serial lines.
SERIAL_SRC = hal/serial.c

# The key store; whoever links it needs KEYSTORE_LIBS. Tests that replay a published handshake link
# a source of their own instead of hal/keystore_random.c.
KEYSTORE_SRC = hal/keystore.c hal/keystore_desfire.c hal/keystore_disk.c hal/keystore_ev1.c \
               hal/keystore_file.c hal/keystore_memory.c hal/keystore_pkcs11.c \
               hal/keystore_random.c hal/aes_mac.c
KEYSTORE_LIBS = -lmbedcrypto

# PINs of operators, kept under a master of the store.
PIN_SRC = hal/pin.c

PROGRAMS += vafa-keys
vafa-keys_SRC = hal/keys_main.c hal/keystore_ceremony.c hal/keystore_console.c hal/keystore_lines.c hal/keystore_words.c \
                $(PIN_SRC) firmware/engine/operators.c $(CLOCK_SRC) $(KEYSTORE_SRC) $(HAL_BASE_SRC)
vafa-keys_LIBS = $(KEYSTORE_LIBS)

# Documents that the club signs (JWS); whoever links it needs SIGNED_LIBS.
SIGNED_SRC = hal/signed.c
SIGNED_LIBS = -lmbedcrypto -ljansson

# Sealed boxes (HPKE), which only the club opens; needs -lmbedcrypto.
BOX_SRC = hal/box.c
