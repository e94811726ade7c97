/* SPDX-License-Identifier: MIT */
#include "lib/plugin/note.h"

#include "tests/unit/plugin/fixture_files.h"
#include "tests/unit/unit.h"

#include "rpmd/plugin.h"

#include <elf.h>

static Buffer good;

static void load_good(void)
{
    _cleanup_free_ char *path = fixture_path("good");
    good = BUFFER_INIT;
    read_file(path, &good);
}

/* What is said of the good file after one change to its header. */
static void expect_refusal(const Elf64_Ehdr *header, size_t size, const char *expected)
{
    PluginNote note;
    Status status = STATUS_INIT;
    memcpy(good.data, header, sizeof(*header));
    ck_assert_int_eq(plugin_note_read(&note, "f.so", good.data, size, &status), STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_FAILED_PRECONDITION);
    ck_assert_str_eq(status.message, expected);
}

START_TEST(reads_the_note)
{
    load_good();
    PluginNote note = {0};
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_note_read(&note, "f.so", good.data, good.length, &status), 0);
    ck_assert_uint_eq(note.abi_major, RPMD_ABI_MAJOR);
    ck_assert_uint_eq(note.abi_minor, RPMD_ABI_MINOR);
    ck_assert_int_eq(plugin_note_check(&note, "f.so", &status), 0);
    buffer_finish(&good);
}
END_TEST

START_TEST(names_the_field)
{
    load_good();
    Elf64_Ehdr header;
    memcpy(&header, good.data, sizeof(header));
    const Elf64_Ehdr right = header;
    expect_refusal(&header, 0,
                   "f.so: vet: it is not an ELF file: it does not begin with the bytes 7F \"ELF\"");
    expect_refusal(&header, 40, "f.so: vet: the ELF header is cut off: the file has 40 bytes");
    header.e_ident[0] = '#';
    expect_refusal(&header, good.length,
                   "f.so: vet: it is not an ELF file: it does not begin with the bytes 7F \"ELF\"");
    header = right;
    header.e_ident[EI_CLASS] = ELFCLASS32;
    expect_refusal(&header, good.length, "f.so: vet: ELF class is 1, expected 2 (64 bits)");
    header = right;
    header.e_ident[EI_DATA] ^= 3;
    PluginNote note;
    Status status = STATUS_INIT;
    memcpy(good.data, &header, sizeof(header));
    ck_assert_int_eq(plugin_note_read(&note, "f.so", good.data, good.length, &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(strstr(status.message, "ELF byte order is "));
    header = right;
    header.e_machine = EM_SPARCV9;
    memcpy(good.data, &header, sizeof(header));
    ck_assert_int_eq(plugin_note_read(&note, "f.so", good.data, good.length, &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(strstr(status.message, "f.so: vet: ELF machine is 43, expected "));
    header = right;
    header.e_type = ET_REL;
    expect_refusal(&header, good.length,
                   "f.so: vet: ELF type is 1, expected 3 (a shared object): build it with -shared -fPIC");
    header = right;
    header.e_phoff = UINT64_MAX - 3;
    expect_refusal(&header, good.length,
                   "f.so: vet: the ELF program headers are cut off or damaged: copy the file again");
    buffer_finish(&good);
}
END_TEST

/* Every shorter file is refused, up to where only section headers (which nothing reads) are missing. */
START_TEST(truncated_files)
{
    load_good();
    Elf64_Ehdr header;
    memcpy(&header, good.data, sizeof(header));
    size_t needed = 0;
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, good.data + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type == PT_LOAD && segment.p_offset + segment.p_filesz > needed)
            needed = segment.p_offset + segment.p_filesz;
    }
    for (size_t size = 0; size < needed; size++) {
        /* A copy of exactly that size: reading beyond it would be seen by the sanitizer. */
        _cleanup_free_ char *cut = memory_copy_text(good.data, size);
        PluginNote note;
        Status status = STATUS_INIT;
        ck_assert_int_eq(plugin_note_read(&note, "f.so", cut, size, &status), STATUS_REFUSED);
    }
    buffer_finish(&good);
}
END_TEST

/* Any change of bytes gives an answer, and an answer of the two kinds. */
START_TEST(hostile_files)
{
    load_good();
    uint64_t random = 0x9E3779B97F4A7C15u;
    Elf64_Ehdr header;
    memcpy(&header, good.data, sizeof(header));
    size_t hot = header.e_phoff + header.e_phnum * sizeof(Elf64_Phdr) + 1024; /* headers and notes */
    _cleanup_free_ unsigned char *mutant = memory_allocate(good.length, 1);
    for (int round = 0; round < 20000; round++) {
        memcpy(mutant, good.data, good.length);
        for (int change = 0; change < 1 + round % 8; change++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            mutant[(random >> 33) % MIN(hot, good.length)] = (unsigned char)(random >> 20);
        }
        PluginNote note;
        Status status = STATUS_INIT;
        int result = plugin_note_read(&note, "f.so", mutant, good.length, &status);
        ck_assert(result == 0 || (result == STATUS_REFUSED && status.message[0] != '\0'));
    }
    buffer_finish(&good);
}
END_TEST

START_TEST(other_abis)
{
    Status status = STATUS_INIT;
    PluginNote note = {RPMD_ABI_MAJOR + 1, 0};
    ck_assert_int_eq(plugin_note_check(&note, "f.so", &status), STATUS_REFUSED);
    ck_assert_str_eq(status.message,
                     "f.so: vet: the ABI note says major 2, expected 1: build the plugin against this "
                     "rpmd's plugin.h");
    note = (PluginNote){RPMD_ABI_MAJOR, RPMD_ABI_MINOR + 1};
    ck_assert_int_eq(plugin_note_check(&note, "f.so", &status), STATUS_REFUSED);
    ck_assert_str_eq(
        status.message,
        "f.so: vet: the ABI note says minor 1, expected at most 0: the plugin needs a newer rpmd");
}
END_TEST

UNIT_TESTS("plugin/note", reads_the_note, names_the_field, truncated_files, hostile_files, other_abis)
