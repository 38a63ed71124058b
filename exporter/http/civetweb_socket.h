/* What civetweb knows and does not tell: which socket a connection is. */
#pragma once

struct mg_connection;

#ifdef __cplusplus
extern "C" {
#endif

/* The descriptor belongs to civetweb; it is valid until the callback connection_close returns. 0
 * for a connection that civetweb made up for a message of its own. */
int WardenSocketOf(const struct mg_connection* connection);

#ifdef __cplusplus
}
#endif
