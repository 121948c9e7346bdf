#ifndef TIDEMILL_CLI_CONTROLLER_FLAGS_H
#define TIDEMILL_CLI_CONTROLLER_FLAGS_H

/* The options of `tidemill controller`. */

#include "core/log.h"
#include "io/access.h"
#include "io/address.h"
#include "kube/election.h"

/* Texts are the command line's, borrowed. */
struct controller_flags {
    const char *address;
    const char *helper_image; /* NULL: that of the controller's own pod */
    struct access_options access;
    enum log_level log_level;
    enum log_format log_format;
    bool leader_elect;
    struct election_times times;
    const char *lease_namespace; /* NULL: the pod's */
    const char *webhook_address; /* NULL: none */
    const char *webhook_certificate;
    const char *webhook_key;  /* both NULL: in the clear */
    const char *allow_egress; /* NULL: none */
    struct address_ranges egress_addresses;
};

/* Defaults, and what is given over them. GO_ON, or the exit code (cli/arguments.h): it was said
 * why. */
int controller_flags_read(struct controller_flags *flags, int argc, char **argv);

#endif
