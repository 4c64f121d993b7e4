// gala-record-sink: any edge to a file.
#include "stages/record-sink/record_sink.h"

int main(int argc, char** argv) { return gala::stage_main<gala::RecordSink>(argc, argv); }
