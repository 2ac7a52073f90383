// What libFuzzer's C++ library asks of a newer C library than the toolchain's.

extern "C" {

extern char __libc_single_threaded;
char __libc_single_threaded = 0; // it may have threads: count references atomically

unsigned arc4random();
unsigned arc4random() { return 4; } // std::random_device; libFuzzer is given its seed
}
