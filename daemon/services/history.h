/* SPDX-License-Identifier: MIT */
#pragma once

/* Items in one message of an import: one request to the store. */
#define IMPORT_MESSAGE_ITEMS_LIMIT 1000
/* Rejected items that are named in the report of an import. */
#define IMPORT_REJECTIONS_LIMIT 1000
