/* SPDX-License-Identifier: MIT */
#include "lib/plugin/note.h"

#include "rpmd/plugin.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#define OUR_MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#define OUR_MACHINE_NAME "aarch64"
#elif defined(__riscv) && __riscv_xlen == 64
#define OUR_MACHINE EM_RISCV
#define OUR_MACHINE_NAME "riscv64"
#elif defined(__powerpc64__)
#define OUR_MACHINE EM_PPC64
#define OUR_MACHINE_NAME "ppc64"
#elif defined(__s390x__)
#define OUR_MACHINE EM_S390
#define OUR_MACHINE_NAME "s390x"
#else
#error "Name this machine's ELF number here; rpmd needs a 64-bit machine"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_BYTE_ORDER ELFDATA2LSB
#else
#define OUR_BYTE_ORDER ELFDATA2MSB
#endif

#define PROGRAM_HEADER_LIMIT 1024 /* a linker makes about ten */

#define REFUSE(...) status_refuse(status, STATUS_FAILED_PRECONDITION, __VA_ARGS__)

static int check_header(const char *file, const Elf64_Ehdr *header, size_t size, Status *status)
{
    if (size < EI_NIDENT || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return REFUSE("%s: vet: it is not an ELF file: it does not begin with the bytes 7F \"ELF\"", file);
    if (header->e_ident[EI_CLASS] != ELFCLASS64)
        return REFUSE("%s: vet: ELF class is %u, expected %d (64 bits)", file, header->e_ident[EI_CLASS],
                      ELFCLASS64);
    if (header->e_ident[EI_DATA] != OUR_BYTE_ORDER)
        return REFUSE("%s: vet: ELF byte order is %u, expected %d (this machine's)", file,
                      header->e_ident[EI_DATA], OUR_BYTE_ORDER);
    if (size < sizeof(*header))
        return REFUSE("%s: vet: the ELF header is cut off: the file has %zu bytes", file, size);
    if (header->e_machine != OUR_MACHINE)
        return REFUSE("%s: vet: ELF machine is %u, expected %d (" OUR_MACHINE_NAME
                      "): build it on this machine",
                      file, header->e_machine, OUR_MACHINE);
    if (header->e_type != ET_DYN)
        return REFUSE("%s: vet: ELF type is %u, expected %d (a shared object): build it with -shared -fPIC",
                      file, header->e_type, ET_DYN);
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
        header->e_phnum > PROGRAM_HEADER_LIMIT || header->e_phoff > size ||
        size - header->e_phoff < (size_t)header->e_phnum * sizeof(Elf64_Phdr))
        return REFUSE("%s: vet: the ELF program headers are cut off or damaged: copy the file again", file);
    return 0;
}

/* Rounds up; limited by the size that was checked before. */
static size_t align(size_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

/* Looks through one segment of notes. Offsets as glibc computes them: from the note's begin, aligned. */
static bool find_note(PluginNote *note, const unsigned char *bytes, size_t size, size_t alignment)
{
    const size_t name_size = sizeof(RPMD_PLUGIN_NOTE_NAME);
    while (size >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr header;
        memcpy(&header, bytes, sizeof(header));
        size_t descriptor = align(sizeof(header) + header.n_namesz, alignment);
        if (descriptor > size || header.n_descsz > size - descriptor)
            return false;
        if (header.n_type == RPMD_PLUGIN_NOTE_TYPE && header.n_namesz == name_size &&
            memcmp(bytes + sizeof(header), RPMD_PLUGIN_NOTE_NAME, name_size) == 0 &&
            header.n_descsz == 2 * sizeof(uint32_t)) {
            memcpy(&note->abi_major, bytes + descriptor, sizeof(uint32_t));
            memcpy(&note->abi_minor, bytes + descriptor + sizeof(uint32_t), sizeof(uint32_t));
            return true;
        }
        size_t next = align(descriptor + header.n_descsz, alignment);
        if (next > size)
            return false;
        bytes += next;
        size -= next;
    }
    return false;
}

int plugin_note_read(PluginNote *note, const char *file, const void *bytes, size_t size, Status *status)
{
    const unsigned char *base = bytes;
    Elf64_Ehdr header = {0};
    if (size > 0)
        memcpy(&header, bytes, size < sizeof(header) ? size : sizeof(header));
    int result = check_header(file, &header, size, status);
    if (result != 0)
        return result;
    bool found = false;
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, base + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type != PT_LOAD && segment.p_type != PT_NOTE)
            continue;
        /* Mapping a file that ends too early is SIGBUS at the first touch. */
        if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
            return REFUSE("%s: vet: the file is cut off: a segment goes beyond its %zu bytes; copy it again",
                          file, size);
        if (segment.p_type == PT_NOTE && !found)
            found = find_note(note, base + segment.p_offset, segment.p_filesz, segment.p_align == 8 ? 8 : 4);
    }
    if (found)
        return 0;
    return REFUSE(
        "%s: vet: it has no ABI note \"rpmd\": it is no rpmd plugin, or RPMD_PLUGIN_EXPORT is missing in it",
        file);
}

int plugin_note_check(const PluginNote *note, const char *file, Status *status)
{
    if (note->abi_major != RPMD_ABI_MAJOR)
        return REFUSE(
            "%s: vet: the ABI note says major %u, expected %d: build the plugin against this rpmd's plugin.h",
            file, note->abi_major, RPMD_ABI_MAJOR);
    if (note->abi_minor > RPMD_ABI_MINOR)
        return REFUSE(
            "%s: vet: the ABI note says minor %u, expected at most %d: the plugin needs a newer rpmd", file,
            note->abi_minor, RPMD_ABI_MINOR);
    return 0;
}
