// gala-file-sink: events and diagnoses as files and lines for people.
#include "runtime/model/stage_main.h"
#include "stages/file-sink/file_sink.h"

int main(int argc, char** argv) { return gala::stage_main<gala::file_sink::FileSink>(argc, argv); }
