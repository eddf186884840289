// What each operating system does in its own way: opening a plug-in's binary, arguments as UTF-8, Ctrl-C, where plug-ins live.
// One source a system: system_posix.cpp, system_win.cpp.

#pragma once

#include <optional>
#include <string>
#include <vector>

namespace minihost {

// An open binary; closed when this goes.
class Library {
  public:
    // Throws PluginRefused with the loader's own words.
    explicit Library(const std::string& path);
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    // A function of it, or nullptr.
    void* symbol(const char* name) const;

  private:
    void* handle_ = nullptr;
};

// The folder inside a bundle's Contents with this system's binary.
const char* platform_folder();

// The folders hosts look for plug-ins in.
std::vector<std::string> plugin_folders();

// What stands between two folders in one variable.
char path_separator();

// The folder this program lies in.
std::string own_folder();

std::optional<std::string> environment(const char* name);

// The arguments in UTF-8, without the program's name.
std::vector<std::string> utf8_arguments(int count, char** given);

// Ctrl-C raises shared().is_aborted instead of ending the program; the console speaks UTF-8.
void prepare_console();

}  // namespace minihost
