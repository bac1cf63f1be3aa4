// libyaml's parser of events. It is linked from the archive: a library that is loaded at start-up costs more time than a
// small pipeline takes to read.
#pragma once
#include <yaml.h>
