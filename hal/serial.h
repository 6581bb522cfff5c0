/* serial.h - a serial line of a POSIX system. */
#ifndef HAL_SERIAL_H
#define HAL_SERIAL_H

#include <stdbool.h>
#include <termios.h>

/* Sets the line to pass bytes as they are: 8 bits, no parity, one stop bit, no flow control, no
 * modem's wires. What came before is thrown away. `speed` is a constant of termios.h, as B115200.
 * False: errno says why; ENOTTY: it is no serial line. */
bool serial_raw(int fd, speed_t speed);

#endif
