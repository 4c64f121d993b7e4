// gala-infer.
#include "stages/infer/infer.h"

int main(int argc, char** argv) { return gala::stage_main<gala::Infer>(argc, argv); }
