"""Memory and the page cache. nginx is the victim: what it serves is fast only out of the cache."""
from faults import Answer, Fault
from faults.storage import disk_name, remove_files

NGINX = ["nginx", "proxy"]


class OnNginx(Fault):
    def remove(self):
        """Also fills the page cache again: that is no part of the quiet time."""
        super().remove()
        self.applications.fill_cache()


class InNginxGroup(OnNginx):
    def limit(self, mebibytes):
        group = self.applications["nginx"].group
        self.suffering = NGINX
        self.applications.release_cache()
        group.limit_memory(mebibytes << 20)
        self.undo_by(group.limit_memory, None)
        return group


class MemoryLimit(InNginxGroup):
    name = "memory-limit"
    about = "the memory limit of nginx's control group is a third of what it serves"
    answers = (Answer("cgroup", "mem"), Answer("container", "mem"), Answer("proc", "group_reclaim"))

    def inject(self):
        self.marks_of(self.applications["nginx"])
        self.marks.append("/" + self.limit(12).path)


class Leak(InNginxGroup):
    name = "leak"
    about = "a process in nginx's control group takes 40 MB a second of the group's 120 MB"
    answers = (Answer("proc"),)

    def inject(self):
        self.limit(120)
        self.hog("leak", 40, 112, group="nginx")


class Reclaim(InNginxGroup):
    name = "reclaim"
    about = "a backup in nginx's control group reads a big file through the page cache"
    answers = (Answer("proc"),)

    def inject(self):
        self.limit(60)
        directory = self.world.directory / "backup"
        directory.mkdir(exist_ok=True)
        self.undo_by(remove_files, directory)
        with open(directory / "archive", "wb") as file:
            file.truncate(400 << 20)
        self.hog("stream", directory / "archive", group="nginx")


class PageCacheEviction(OnNginx):
    name = "page-cache-eviction"
    about = "the page cache of what nginx serves is thrown away over and over"
    answers = (Answer("proc"), Answer("disk"), Answer("block"), Answer("mem", marked=False))

    def inject(self):
        self.suffering = NGINX
        self.applications.release_cache()
        pages = self.applications.pages
        self.marks += [pages.name, disk_name(pages.beneath)]
        self.marks_of(self.applications["nginx"])
        self.hog("evict", pages.mount_point)
