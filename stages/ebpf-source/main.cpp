// The program gala-ebpf-source.
#include "runtime/model/stage_main.h"
#include "stages/ebpf-source/ebpf_source.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::ebpf_source::EbpfSource>(argc, argv);
}
