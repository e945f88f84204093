/* SPDX-License-Identifier: Apache-2.0 */
/** html - the report as one page for people: no script, nothing from elsewhere, charts as inline SVG. */
#ifndef KISS_HTML_H
#define KISS_HTML_H

#include <json-c/json.h>
#include <json-c/printbuf.h>

/** The style sheet of the page. Its digest in Content-Security-Policy allows it. */
extern const char kiss_html_style[];

/** Writes the page. Every text of the report is escaped. */
void kiss_html_page(struct printbuf *pb, json_object *report);

/** Writes the totals of each API, as a section of another page. */
void kiss_html_section(struct printbuf *pb, json_object *report);

#endif
