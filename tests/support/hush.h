/* hush.h - what a device's log says also goes to standard output: in a test that is nobody. */
#ifndef TESTS_SUPPORT_HUSH_H
#define TESTS_SUPPORT_HUSH_H

/* Until unhush() of what it returned. */
int hush(void);
void unhush(int console);

#endif
