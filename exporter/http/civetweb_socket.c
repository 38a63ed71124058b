/* civetweb, whole and unmodified, and the one question that its interface does not answer. */
#include <civetweb.c>

#include "civetweb_socket.h"

int WardenSocketOf(const struct mg_connection* connection) {
  return connection->client.sock;
}
