# hal/base: what every layer may use. hal: what a board must supply.
HAL_BASE_SRC = hal/base/status.c hal/base/bytes.c
