// gala-record-sink: any edge to a file.
#include "runtime/model/stage_main.h"
#include "stages/record-sink/record_sink.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::record_sink::RecordSink>(argc, argv);
}
