#include "stub/python/libpython.h"

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "stub/error.h"
#include "stub/python/py.h"

// Generated from the symbols of libpython: every one is declared weak, so that the executable starts without them
// (third_party/python/runtime.bzl). Seen here only to prove that it was included.
#ifndef LIBPYTHON_IS_WEAK
#error "compile with -include libpython_weak.h"
#endif

namespace mlflow_triton::stub {
namespace {

const std::string kVersion = std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION);

#if defined(__x86_64__)
constexpr std::uint32_t kAddress = R_X86_64_64, kGlobalData = R_X86_64_GLOB_DAT, kJumpSlot = R_X86_64_JUMP_SLOT;
#elif defined(__aarch64__)
constexpr std::uint32_t kAddress = R_AARCH64_ABS64, kGlobalData = R_AARCH64_GLOB_DAT, kJumpSlot = R_AARCH64_JUMP_SLOT;
#else
#error "unknown processor"
#endif

/// The executable's own dynamic section, as far as relocations need it (System V ABI, "Dynamic Linking").
struct Executable {
  std::uintptr_t base = 0;
  std::uintptr_t protected_start = 0, protected_end = 0; // pages that the loader made read-only (PT_GNU_RELRO)
  const ElfW(Sym) *symbols = nullptr;
  const char *names = nullptr;
  const ElfW(Rela) * tables[2] = {nullptr, nullptr};
  std::size_t counts[2] = {0, 0};
};

int ReadFirstObject(dl_phdr_info *info, std::size_t, void *result) {
  auto *executable = static_cast<Executable *>(result);
  executable->base = info->dlpi_addr;
  const ElfW(Dyn) *dynamic = nullptr;
  for (int index = 0; index < info->dlpi_phnum; ++index) {
    const ElfW(Phdr) &header = info->dlpi_phdr[index];
    if (header.p_type == PT_DYNAMIC) {
      dynamic = reinterpret_cast<const ElfW(Dyn) *>(info->dlpi_addr + header.p_vaddr);
    } else if (header.p_type == PT_GNU_RELRO) {
      const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
      executable->protected_start = (info->dlpi_addr + header.p_vaddr) / page * page;
      executable->protected_end = (info->dlpi_addr + header.p_vaddr + header.p_memsz) / page * page;
    }
  }
  for (; dynamic != nullptr && dynamic->d_tag != DT_NULL; ++dynamic) {
    // glibc has already turned these values into addresses.
    const auto value = dynamic->d_un.d_ptr;
    switch (dynamic->d_tag) {
    case DT_SYMTAB:
      executable->symbols = reinterpret_cast<const ElfW(Sym) *>(value);
      break;
    case DT_STRTAB:
      executable->names = reinterpret_cast<const char *>(value);
      break;
    case DT_RELA:
      executable->tables[0] = reinterpret_cast<const ElfW(Rela) *>(value);
      break;
    case DT_RELASZ:
      executable->counts[0] = value / sizeof(ElfW(Rela));
      break;
    case DT_JMPREL:
      executable->tables[1] = reinterpret_cast<const ElfW(Rela) *>(value);
      break;
    case DT_PLTRELSZ:
      executable->counts[1] = value / sizeof(ElfW(Rela));
      break;
    default:
      break;
    }
  }
  return 1; // the first object is the executable
}

bool IsPythonName(const char *name) { return std::strncmp(name, "Py", 2) == 0 || std::strncmp(name, "_Py", 3) == 0; }

/// Fills the executable's undefined weak references to the Python API, as the loader would have done at the start.
void Bind(void *library) {
  Executable executable;
  dl_iterate_phdr(ReadFirstObject, &executable);
  auto *start = reinterpret_cast<void *>(executable.protected_start);
  const std::size_t length = executable.protected_end - executable.protected_start;
  if (length != 0 && mprotect(start, length, PROT_READ | PROT_WRITE) != 0) {
    throw StubError("cannot bind the Python API: " + std::string(std::strerror(errno)));
  }
  std::string missing;
  for (const int table : {0, 1}) {
    for (std::size_t index = 0; index < executable.counts[table]; ++index) {
      const ElfW(Rela) &entry = executable.tables[table][index];
      const auto kind = static_cast<std::uint32_t>(ELF64_R_TYPE(entry.r_info));
      const ElfW(Sym) &symbol = executable.symbols[ELF64_R_SYM(entry.r_info)];
      const char *name = executable.names + symbol.st_name;
      if ((kind != kAddress && kind != kGlobalData && kind != kJumpSlot) || symbol.st_shndx != SHN_UNDEF ||
          !IsPythonName(name)) {
        continue;
      }
      const void *found = dlsym(library, name);
      if (found == nullptr) {
        missing = name;
        continue;
      }
      const auto addend = kind == kAddress ? entry.r_addend : 0;
      *reinterpret_cast<std::uintptr_t *>(executable.base + entry.r_offset) =
          reinterpret_cast<std::uintptr_t>(found) + static_cast<std::uintptr_t>(addend);
    }
  }
  if (length != 0) {
    mprotect(start, length, PROT_READ);
  }
  if (!missing.empty()) {
    throw StubError("libpython" + kVersion + ".so.1.0 has no symbol '" + missing +
                    "': it is of another version than its name says, or not complete");
  }
}

std::vector<std::string> Folders(const char *variable) {
  const char *value = std::getenv(variable);
  std::vector<std::string> folders;
  std::stringstream rest(value != nullptr ? value : "");
  for (std::string folder; std::getline(rest, folder, ':');) {
    folders.push_back(folder.empty() ? "." : folder); // as the loader and the shell take an empty entry
  }
  return folders;
}

/// Folder `<prefix>/lib` of the first `python3` on PATH, symbolic links followed; empty when there is none.
std::string LibraryFolderOfPython() {
  for (const std::string &folder : Folders("PATH")) {
    const std::string candidate = folder + "/python3";
    char real[PATH_MAX];
    if (access(candidate.c_str(), X_OK) != 0 || realpath(candidate.c_str(), real) == nullptr) {
      continue;
    }
    const std::string path(real);
    const std::size_t slash = path.rfind("/bin/");
    return slash == std::string::npos ? std::string() : path.substr(0, slash) + "/lib";
  }
  return {};
}

void *Open(const std::string &file) {
  // Global: extension modules take the API from the process.
  return dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
}

} // namespace

void LoadLibpython() {
  const std::string file = "libpython" + kVersion + ".so.1.0";
  // The library decides where Python looks for its modules, so it must be that of the environment before any other.
  std::vector<std::string> folders = Folders("LD_LIBRARY_PATH");
  const std::string beside = LibraryFolderOfPython();
  if (!beside.empty()) {
    folders.push_back(beside);
  }
  for (const std::string &folder : folders) {
    const std::string path = folder + "/" + file;
    if (access(path.c_str(), F_OK) == 0) {
      void *library = Open(path);
      if (library == nullptr) {
        throw StubError("Failed to load " + path + ": " + dlerror() + ". Replace it by one of Python " + kVersion +
                        " for this machine.");
      }
      return Bind(library);
    }
  }
  void *library = Open(file);
  if (library == nullptr) {
    const std::string reason = dlerror();
    const char *search = std::getenv("LD_LIBRARY_PATH");
    throw StubError("Failed to load " + file + ", for which this triton_python_backend_stub was compiled: " + reason +
                    ". Looked in LD_LIBRARY_PATH='" + (search != nullptr ? search : "") + "', in " +
                    (beside.empty() ? "no folder of Python, for PATH has no 'python3'"
                                    : "'" + beside + "' of the first 'python3' on PATH") +
                    ", and in the system's library folders. Give the model an execution environment with Python " +
                    kVersion + " (parameter EXECUTION_ENV_PATH), install that library, or use a stub for the Python " +
                    "that is there.");
  }
  Bind(library);
}

} // namespace mlflow_triton::stub
