#include "io/pages.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Code that the loader has written into (DT_TEXTREL) would come back without that. */
static bool is_written_by_loader(const struct dl_phdr_info *library, const ElfW(Phdr) * dynamic)
{
    const ElfW(Dyn) *entry = (const void *)(library->dlpi_addr +
                                            dynamic->p_vaddr); // NOLINT(performance-no-int-to-ptr)
    while (entry->d_tag != DT_NULL) {
        if (entry->d_tag == DT_TEXTREL ||
            (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0)) {
            return true;
        }
        entry++;
    }
    return false;
}

static int let_go(struct dl_phdr_info *library, size_t size, void *context)
{
    (void)size;
    (void)context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < library->dlpi_phnum; at++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[at];
        if (segment->p_type == PT_DYNAMIC && is_written_by_loader(library, segment)) {
            return 0;
        }
    }
    for (size_t at = 0; at < library->dlpi_phnum; at++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[at];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) {
            continue;
        }
        uintptr_t from = (library->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t to = library->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        /* It may fail for the vDSO, which is no file: so what. */
        (void)madvise((void *)from, to - from, MADV_DONTNEED); // NOLINT(performance-no-int-to-ptr)
    }
    return 0;
}

void pages_give_back(void)
{
    (void)dl_iterate_phdr(let_go, NULL);
}
