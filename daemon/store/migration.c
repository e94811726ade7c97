/* SPDX-License-Identifier: MIT */
#include "daemon/store/migration.h"

int migration_to_records(sqlite3 *handle)
{
    return SQLITE_OK;
}
