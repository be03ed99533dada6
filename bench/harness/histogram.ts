// Samples are counted by the histogram that replicas count their stages with.
export { Histogram, type PackedHistogram } from '@tutti/kernel';
