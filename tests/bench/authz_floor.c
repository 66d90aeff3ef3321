/* The least that a plugin and a gate can do: what of their cost is the engine's and the kernel's.
 *
 *   authz_floor plugin SOCKET           allows everything, without reading what is asked
 *   authz_floor gate SOCKET ENGINE      copies bytes, without looking at them
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *engine;

static struct sockaddr_un address(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  return name;
}

/* Reads one request of the engine's plugin client; says whether it was the handshake, or -1. */
static int asked(int end) {
  static __thread char data[1 << 20];
  size_t have = 0, want = sizeof data;
  char *body = NULL;
  while (have < want) {
    ssize_t more = read(end, data + have, sizeof data - 1 - have);
    if (more <= 0) return -1;
    data[have += more] = 0;
    if (!body && (body = strstr(data, "\r\n\r\n"))) {
      char *length = strcasestr(data, "content-length:");
      want = body + 4 - data + (length && length < body ? strtoul(length + 15, NULL, 10) : 0);
    }
  }
  return strncmp(data, "POST /Plugin.Activate ", 22) == 0;
}

static void *plugin(void *argument) {
  int end = (int)(long)argument, first;
  while ((first = asked(end)) >= 0) {
    const char *body = first ? "{\"Implements\":[\"authz\"]}" : "{\"Allow\":true}";
    char said[256];
    int size = snprintf(said, sizeof said,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.plugins.v1.2+json"
                        "\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    if (write(end, said, size) != size) break;
  }
  close(end);
  return NULL;
}

static int copy(int from, int to) {
  char data[65536];
  ssize_t size = read(from, data, sizeof data);
  return size > 0 && write(to, data, size) == size;
}

static void *gate(void *argument) {
  int client = (int)(long)argument, other = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = address(engine);
  if (!connect(other, (struct sockaddr *)&name, sizeof name))
    for (int waits = client;;) { /* -1: the client has said all, and poll() skips it */
      struct pollfd ends[] = {{waits, POLLIN, 0}, {other, POLLIN, 0}};
      poll(ends, 2, -1);
      if (ends[0].revents && !copy(client, other)) {
        shutdown(other, SHUT_WR);
        waits = -1;
      }
      if (ends[1].revents && !copy(other, client)) break;
    }
  close(client);
  close(other);
  return NULL;
}

int main(int count, char **words) {
  if (count < 3 || (strcmp(words[1], "plugin") && count < 4)) return 2;
  struct sockaddr_un name = address(words[2]);
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  void *(*serve)(void *) = strcmp(words[1], "plugin") ? gate : plugin;
  engine = words[3];
  signal(SIGPIPE, SIG_IGN);
  unlink(words[2]);
  if (bind(server, (struct sockaddr *)&name, sizeof name) || listen(server, 128)) return 1;
  chmod(words[2], 0666);
  for (;;) {
    pthread_t thread;
    long end = accept(server, NULL, NULL);
    if (end >= 0 && !pthread_create(&thread, NULL, serve, (void *)end)) pthread_detach(thread);
  }
}
