/* SPDX-License-Identifier: MIT */
#include "daemon/store/operations.h"

int item_find(Database *database, uint64_t user, uint64_t item, uint64_t *revision, int64_t *order_us,
              Status *status)
{
    *revision = 0;
    *order_us = 0;
    if (item < ITEM_NUMBER(user, 0) || item > ITEM_NUMBER(user, ITEM_LAST_NUMBER))
        return 0;
    int r = database_query(database, status, ITEM_STATE, INTEGER(item));
    DATABASE_EACH(database, status, ITEM_STATE, r)
    {
        *revision = COLUMN_NUMBER(ITEM_STATE, 0);
        *order_us = database_integer(database, STATEMENT_ITEM_STATE, 1);
    }
    return r;
}
