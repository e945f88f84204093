/* SPDX-License-Identifier: Apache-2.0 */
/** status - the handler `kiss-status`: the report as a page or as JSON; and a section in the page of mod_status. */
#ifndef KISS_STATUS_H
#define KISS_STATUS_H

/** Registers the handler, and the hook of mod_status. */
void kiss_status_register(void);

#endif
