// gala-file-sink: events and diagnoses as files and lines for people.
#include "stages/file-sink/file_sink.h"

int main(int argc, char** argv) { return gala::stage_main<gala::FileSink>(argc, argv); }
