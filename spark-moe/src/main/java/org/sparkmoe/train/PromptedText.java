package org.sparkmoe.train;

/**
 * A text to score.
 *
 * @param prompt what stands before it and is context only; empty if there is none
 * @param text what is scored
 */
public record PromptedText(String prompt, String text) {}
