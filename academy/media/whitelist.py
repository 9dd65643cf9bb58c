"""What ffmpeg may open and decode: its own fence, before any byte of a file is parsed."""

# Formats that hold media and nothing else: no playlist, concat script or SDP, which name other
# files and addresses for ffmpeg to open.
FORMAT_WHITELIST = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,asf,flv,ogg,mp3,wav,aac,flac"
)
CODEC_WHITELIST = (
    "h264,hevc,av1,libdav1d,vp8,vp9,mpeg4,mpeg2video,mpeg1video,mjpeg,prores,dnxhd,"
    "vc1,wmv1,wmv2,wmv3,msmpeg4v1,msmpeg4v2,msmpeg4,msmpeg4v3,h263,h263p,flv,theora,png,"
    "aac,aac_fixed,aac_latm,mp3,mp3float,mp2,mp2float,ac3,ac3_fixed,eac3,opus,vorbis,flac,alac,"
    "wmav1,wmav2,wmapro,amrnb,amrwb,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
    "pcm_f32le,pcm_f32be,pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt"
)
MAX_PIXELS = 8192 * 4608


def media_options() -> list[str]:
    """Input options that fence ffmpeg and ffprobe in before any byte of the file is parsed."""
    return [
        "-protocol_whitelist", "file",
        "-format_whitelist", FORMAT_WHITELIST,
        "-codec_whitelist", CODEC_WHITELIST,
        "-max_pixels", str(MAX_PIXELS),
    ]  # fmt: skip
