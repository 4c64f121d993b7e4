// Enters the mount point first, and from there nothing else.
#include "stages/proc-source/process_view.h"

namespace gala::proc_source {

template <class Use>
auto ProcessView::where(const std::string& path, Use use) const {
  const auto point = mounts_->point_of(path);
  if (point == "/") {
    return use(root_, path);
  }
  const FileDescriptor mount =
      point ? Files::open_mount(root_, std::string(*point)) : FileDescriptor();
  return mount ? use(mount, path.substr(point->size())) : decltype(use(root_, path)){};
}

FileIdentity ProcessView::identity(const std::string& path) const {
  return where(path, [](const FileDescriptor& directory, const std::string& rest) {
    return Files::identity_below(directory, rest);
  });
}

std::vector<std::string> ProcessView::list(const std::string& path, std::size_t most) const {
  return where(path, [&](const FileDescriptor& directory, const std::string& rest) {
    return files_->list_below(directory, rest, most);
  });
}

}  // namespace gala::proc_source
