/* club_books.h - a club's database, read with sqlite3 itself and not by the club's driver.
 *
 * For cmocka tests: what cannot be read fails the test. */
#ifndef TESTS_UNIT_CLUB_BOOKS_H
#define TESTS_UNIT_CLUB_BOOKS_H

#include <stdint.h>

/* What a query with one row and one column says; NULL is "". The caller frees it. */
char *books_text(const char *path, const char *sql);
int64_t books_number(const char *path, const char *sql);

/* Every book sums to zero in every batch, the cards' transactions included. */
void books_assert_zero_sum(const char *path);

#endif
