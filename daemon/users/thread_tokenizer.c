/* SPDX-License-Identifier: MIT */
#include "daemon/users/thread_tokenizer.h"

#include <pthread.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_tokenizer(void *tokenizer)
{
    tokenizer_free(tokenizer);
}

static void make_key(void)
{
    pthread_key_create(&key, free_tokenizer);
}

Tokenizer *thread_tokenizer(void)
{
    pthread_once(&once, make_key);
    Tokenizer *tokenizer = pthread_getspecific(key);
    if (tokenizer)
        return tokenizer;
    tokenizer = tokenizer_new();
    tokenizer_remember_words(tokenizer);
    pthread_setspecific(key, tokenizer);
    return tokenizer;
}
