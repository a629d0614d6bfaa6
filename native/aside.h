#include <stddef.h>

int send_aside(int socket, const void *bytes, size_t size, int held);
int hold_aside(int socket, int milliseconds);
int has_ended_aside(int id);
