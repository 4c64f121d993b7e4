// The program gala-ebpf-source.
#include "stages/ebpf-source/ebpf_source.h"

int main(int argc, char** argv) { return gala::stage_main<gala::EbpfSource>(argc, argv); }
