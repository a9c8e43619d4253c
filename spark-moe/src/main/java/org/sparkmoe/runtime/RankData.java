package org.sparkmoe.runtime;

import java.util.Iterator;
import org.sparkmoe.data.TokenSequence;

/**
 * One rank's sequences as they come out of the shuffle; read within the task, once.
 *
 * @param train in the order of training; empty where a job only evaluates
 * @param validation in the order of evaluation
 */
record RankData(Iterator<TokenSequence> train, Iterator<TokenSequence> validation) {}
