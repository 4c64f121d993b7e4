"""Memory and the page cache. nginx is the victim: what it serves is fast only out of the cache."""
from applications import NGINX_MEMORY_MIB
from faults import Fault
from faults.storage import disk_name, remove_files

NGINX = ["nginx", "proxy"]


class OnNginx(Fault):
    def remove(self):
        """Also fills the page cache again: that is no part of the quiet time."""
        super().remove()
        self.applications.fill_cache()


class MemoryLimit(OnNginx):
    name = "memory-limit"
    about = "the memory limit of nginx's control group is a third of what it serves"

    def inject(self):
        self.suffering = NGINX
        self.applications.release_cache()
        group = self.applications["nginx"].group
        self.harm("application", *self.applications["nginx"].pids())
        self.harm_group(group)
        self.undo_by(group.limit_memory, NGINX_MEMORY_MIB << 20)
        group.limit_memory(12 << 20)


class Leak(OnNginx):
    name = "leak"
    about = "a process in nginx's control group takes 40 MB a second, up to the limit of the group"

    def inject(self):
        self.suffering = NGINX
        self.applications.release_cache()
        self.harm_group(self.applications["nginx"].group)
        self.hog("leak", 40, NGINX_MEMORY_MIB - 8, group="nginx")


class Reclaim(OnNginx):
    name = "reclaim"
    about = "a backup in nginx's control group reads a big file through the page cache"

    def inject(self):
        self.suffering = NGINX
        self.applications.release_cache()
        directory = self.world.directory / "backup"
        directory.mkdir(exist_ok=True)
        self.undo_by(remove_files, directory)
        with open(directory / "archive", "wb") as file:
            file.truncate(400 << 20)
        self.harm_group(self.applications["nginx"].group)
        self.hog("stream", directory / "archive", group="nginx")


class PageCacheEviction(OnNginx):
    name = "page-cache-eviction"
    about = "the page cache of what nginx serves is thrown away over and over"

    def inject(self):
        self.suffering = NGINX
        self.applications.release_cache()
        pages = self.applications.pages
        self.harm("device", pages.name, disk_name(pages.beneath))
        self.harm("application", *self.applications["nginx"].pids())
        self.hog("evict", pages.mount_point)
