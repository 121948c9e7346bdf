#ifndef TIDEMILL_IO_LIBRARY_MEMORY_H
#define TIDEMILL_IO_LIBRARY_MEMORY_H

/*
 * core/memory.h as the allocator of libcurl and nghttp2: without memory the process ends there too.
 * They would report it, but not each of their ways out of it is right: libcurl 7.88 frees a TLS
 * session's name twice.
 */

#include <curl/curl.h>
#include <nghttp2/nghttp2.h>

/* In the place of curl_global_init(); the same curl_global_cleanup(). */
CURLcode library_memory_init_curl(void);

/* For nghttp2_session_client_new3(). */
nghttp2_mem *library_memory_nghttp2(void);

#endif
