/* SPDX-License-Identifier: MIT */
#pragma once

/* Inside daemon/users: a model that was assembled, on its way into the store and then into memory. */

#include "daemon/users/assembly.h"
#include "daemon/users/operation.h"

/* The plugin's task, for an assembly; refuses the operation and returns false where no plugin serves it. */
bool publication_begin_assembly(Operation *operation, Assembly *assembly);

/* The same for a task that may have no plugin any more: what a model has is read, nothing is analysed. */
void publication_begin_without_plugin(Operation *operation, Assembly *assembly, rpmd_answer_kind answer_kind);

/* The assembly comes back into operation->assembled. */
OperationState publication_assemble(Operation *operation, Assembly *assembly, const WorkKind *work);

/*
 * Publishes operation->assembled over the user's present model. change: what the kind adds to it (items,
 * records, generation, from_version, reason); its arena is the assembly's. revision: of the history that the
 * model stands for afterwards.
 */
OperationState publication_publish(Operation *operation, StorePublish *change, uint64_t revision);

/* What became of a publication. */
typedef enum PublicationOutcome {
    PUBLICATION_MADE,    /* the model is the user's */
    PUBLICATION_AGAIN,   /* the history went on: load, and repeat */
    PUBLICATION_REFUSED, /* the operation is refused: return OPERATION_DONE */
} PublicationOutcome;

PublicationOutcome publication_take(Operation *operation);

/* Makes the assembled model the user's, as it is in the store already. */
void publication_adopt_loaded(Operation *operation, uint64_t revision);

int64_t publication_now_us(void);
